package main

import "sync"

var parkedStarting, parkedRunning sync.WaitGroup

func parkedTask(i uint64, gate <-chan struct{}) {
	parkedStarting.Done()
	<-gate
	addResult(i)
	parkedRunning.Done()
}

// parked: n goroutines start and wait at a gate, which then opens for all. To close
// a channel is how Go wakes many; its queue of waiters is Go's own memory.
func parked(n uint64) (timed, error) {
	gate := make(chan struct{})
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	parkedStarting.Add(int(n))
	parkedRunning.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go parkedTask(i, gate)
	}
	parkedStarting.Wait()
	starting, err := watch.stop()
	if err != nil {
		return timed{}, err
	}
	// Looking at the memory is not part of the time.
	held, err := residentKiB()
	if err != nil {
		return timed{}, err
	}
	held -= min(held, firstKiB)
	if watch, err = startStopwatch(); err != nil {
		return timed{}, err
	}
	close(gate)
	parkedRunning.Wait()
	burst, err := watch.finish(takeResults)
	burst.Ns += starting.Ns
	burst.CPUNs += starting.CPUNs
	burst.Involuntary += starting.Involuntary
	burst.HeldKiB = &held
	return burst, err
}
