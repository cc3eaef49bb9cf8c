package main

import "sync"

// spawnJoin: one goroutine starts n others and adds up their results. A goroutine has
// no handle: each leaves its result in a place of its own, which is what Go programs do
// and costs less than a channel for each.
func spawnJoin(n uint64) (timed, error) {
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	results := make([]uint64, n)
	var running sync.WaitGroup
	running.Add(int(n))
	for i := range n {
		go func() {
			results[i] = mix(i)
			running.Done()
		}()
	}
	running.Wait()
	var sum uint64
	for _, result := range results {
		sum += result
	}
	return watch.finish(func() uint64 { return sum })
}
