package main

import (
	"runtime"
	"sync"
)

// Plain variables: one P runs both goroutines, and a store of sync/atomic would
// cost an exchange, which the relaxed stores of the Rust half do not.
var (
	// How many turns there were, and in the lowest bit who had the last.
	turnsTaken uint64
	// Turns that came after one of the other's.
	turnsSwitched uint64
)

func takeTurns(player, share uint64, playing *sync.WaitGroup) {
	var switched uint64
	for i := uint64(0); i < share; i++ {
		before := turnsTaken
		turnsTaken = (before>>1+1)<<1 | player
		switched += before&1 ^ player
		runtime.Gosched()
	}
	turnsSwitched += switched
	playing.Done()
}

// yieldMany: 200 goroutines yield, n times in all.
func yieldMany(n uint64) (timed, error) {
	const tasks = 200
	sums := make(chan uint64, tasks)
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	for task := range uint64(tasks) {
		go func() {
			var sum uint64
			for turn := task; turn < n; turn += tasks {
				sum += mix(turn)
				runtime.Gosched()
			}
			sums <- sum
		}()
	}
	var sum uint64
	for range tasks {
		sum += <-sums
	}
	return watch.finish(func() uint64 { return sum })
}

// yield: two goroutines yield to each other on one P, n times in all. See the Rust
// half for what it takes to be an answer.
func yield(n uint64) (timed, error) {
	turnsTaken, turnsSwitched = 0, 0
	var playing sync.WaitGroup
	playing.Add(2)
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	go takeTurns(0, n-n/2, &playing)
	go takeTurns(1, n/2, &playing)
	playing.Wait()
	return watch.finish(func() uint64 {
		taken := turnsTaken >> 1
		if turnsSwitched < taken/3 {
			return 0
		}
		return mix(taken)
	})
}
