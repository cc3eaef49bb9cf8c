package main

import "sync"

var treeRunning sync.WaitGroup

func treeTask(i, n uint64) {
	for child := 2*i + 1; child < 2*i+3 && child < n; child++ {
		go treeTask(child, n)
	}
	addResult(i)
	treeRunning.Done()
}

// tree: goroutine i starts 2i+1 and 2i+2 where they are below n.
func tree(n uint64) (timed, error) {
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	treeRunning.Add(int(n))
	go treeTask(0, n)
	treeRunning.Wait()
	return watch.finish(takeResults)
}
