package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// workloads by name, each a burst that is called from a goroutine.
var workloads = map[string]func(n uint64) (timed, error){
	"flat":        flat,
	"tree":        tree,
	"yield":       yield,
	"ping-pong":   pingPong,
	"parked":      parked,
	"chained":     chained,
	"spawn-join":  spawnJoin,
	"scope":       scope,
	"yield-many":  yieldMany,
	"echo":        echo,
	"skynet":      forkJoin(skynet),
	"fib":         forkJoin(fib),
	"nqueens":     forkJoin(queens),
	"after-burst": afterBurst,
	"idle":        idle,
	"channel":     channel,
	"us-burst-1":  withWork(flat),
	"us-burst-2":  withWork(flat),
	"us-tree-1":   withWork(tree),
	"us-tree-2":   withWork(tree),
}

// timed is what one burst took and came to.
type timed struct {
	Ns          int64   `json:"ns"`
	CPUNs       int64   `json:"cpu_ns"`
	Involuntary int64   `json:"involuntary"`
	Checksum    string  `json:"checksum"`
	HeldKiB     *uint64 `json:"held_kib,omitempty"`
}

// measure runs the burst twice, like the Rust half.
func measure(burst func(uint64) (timed, error), n uint64) (cold, warm timed, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if cold, err = burst(n); err == nil {
			warm, err = burst(n)
		}
	}()
	<-done
	return cold, warm, err
}

// shard has a cache line pair of its own, as in the Rust half.
type shard struct {
	sum atomic.Uint64
	_   [120]byte
}

var results [64]shard

func addResult(i uint64) {
	results[i%64].sum.Add(mix(i))
}

func takeResults() uint64 {
	var sum uint64
	for i := range results {
		sum += results[i].sum.Swap(0)
	}
	return sum
}

// mix is the work of one task: the finalizer of SplitMix64.
//
//go:noinline
func mix(i uint64) uint64 {
	z := i + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// workRounds is how often a task does the work of one before it does its own: 250
// times take about a microsecond. A variable, so that a task captures its number and
// nothing else.
var workRounds int

func work(i uint64) {
	for round := 0; round < workRounds; round++ {
		i = mix(i)
	}
}

// withWork is a burst with a microsecond of work in each task.
func withWork(burst func(uint64) (timed, error)) func(uint64) (timed, error) {
	return func(n uint64) (timed, error) {
		workRounds = 250
		return burst(n)
	}
}

// stopwatch reads wall time and the CPU time of the process, and how often a thread
// of it lost its processor to another.
type stopwatch struct {
	usage usage
	wall  time.Time
}

func startStopwatch() (stopwatch, error) {
	usage, err := readUsage()
	return stopwatch{usage: usage, wall: time.Now()}, err
}

// stop returns what passed since the start, without a checksum.
func (s stopwatch) stop() (timed, error) {
	wall := time.Since(s.wall)
	now, err := readUsage()
	return timed{
		Ns:          wall.Nanoseconds(),
		CPUNs:       (now.cpu - s.usage.cpu).Nanoseconds(),
		Involuntary: now.involuntary - s.usage.involuntary,
	}, err
}

// finish is stop at the end of a burst.
func (s stopwatch) finish(checksum func() uint64) (timed, error) {
	burst, err := s.stop()
	burst.Checksum = fmt.Sprintf("%016x", checksum())
	return burst, err
}

type usage struct {
	cpu         time.Duration
	involuntary int64
}

func readUsage() (usage, error) {
	var of syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &of); err != nil {
		return usage{}, err
	}
	return usage{
		cpu:         time.Duration(of.Utime.Nano() + of.Stime.Nano()),
		involuntary: of.Nivcsw,
	}, nil
}

// residentKiB is memory with the page tables that map it.
func residentKiB() (uint64, error) {
	pages, err := statusKiB("VmRSS")
	if err != nil {
		return 0, err
	}
	tables, err := statusKiB("VmPTE")
	return pages + tables, err
}

func statusKiB(key string) (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, key+":"); found {
			return strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, errors.New("no " + key + " in /proc/self/status")
}
