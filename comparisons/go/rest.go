package main

import (
	"runtime/debug"
	"time"
)

// afterBurst is flat, and what the process has kept when Go has given back all that it
// does not need.
func afterBurst(n uint64) (timed, error) {
	burst, err := flat(n)
	if err != nil {
		return timed{}, err
	}
	debug.FreeOSMemory()
	held, err := residentKiB()
	held -= min(held, firstKiB)
	burst.HeldKiB = &held
	return burst, err
}

// idle is the processor time of n milliseconds with nothing to do.
func idle(n uint64) (timed, error) {
	burst, err := flat(10000)
	if err != nil {
		return timed{}, err
	}
	time.Sleep(100 * time.Millisecond)
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	time.Sleep(time.Duration(n) * time.Millisecond)
	rest, err := watch.stop()
	burst.Ns, burst.CPUNs, burst.Involuntary = rest.CPUNs, rest.CPUNs, rest.Involuntary
	return burst, err
}
