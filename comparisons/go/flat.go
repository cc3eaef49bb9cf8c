package main

import "sync"

var flatRunning sync.WaitGroup

func flatTask(i uint64) {
	work(i)
	addResult(i)
	flatRunning.Done()
}

// flat: one goroutine starts n others and waits for all of them. Add comes once
// and up front: an Add per goroutine, as in WaitGroup.Go, would cost one more
// atomic operation for each.
func flat(n uint64) (timed, error) {
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	flatRunning.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go flatTask(i)
	}
	flatRunning.Wait()
	return watch.finish(takeResults)
}
