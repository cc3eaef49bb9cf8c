// Command virid-comparisons measures goroutines for the launcher next door: one
// JSON request on standard input, one JSON line on standard output.
//
// Settings: GOMAXPROCS is the worker count everyone gets. The garbage collector
// keeps its defaults, which is how Go programs ship; the launcher clears GOGC,
// GOMEMLIMIT and GODEBUG from the environment.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const protocol = 2

type request struct {
	Protocol uint32 `json:"protocol"`
	Workload string `json:"workload"`
	Tasks    uint64 `json:"tasks"`
	Workers  int    `json:"workers"`
	Launcher int    `json:"launcher"`
	Fault    string `json:"fault"`
}

type response struct {
	Protocol uint32 `json:"protocol"`
	Version  string `json:"version"`
	Cold     timed  `json:"cold"`
	Warm     timed  `json:"warm"`
	PeakKiB  uint64 `json:"peak_kib"`
}

// timed is what one burst took and came to.
type timed struct {
	Ns       int64  `json:"ns"`
	CPUNs    int64  `json:"cpu_ns"`
	Checksum string `json:"checksum"`
}

// shard has a cache line pair of its own, as in the Rust half.
type shard struct {
	sum atomic.Uint64
	_   [120]byte
}

var (
	results [64]shard
	running sync.WaitGroup
)

// mix is the work of one task: the finalizer of SplitMix64.
//
//go:noinline
func mix(i uint64) uint64 {
	z := i + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func task(i uint64) {
	results[i%64].sum.Add(mix(i))
	running.Done()
}

// burst is called from a goroutine. Add comes once and up front: an Add per
// goroutine, as in WaitGroup.Go, would cost one more atomic operation for each.
func burst(n uint64) (timed, error) {
	cpu, err := cpuTime()
	if err != nil {
		return timed{}, err
	}
	start := time.Now()
	running.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go task(i)
	}
	running.Wait()
	wall := time.Since(start)
	cpuEnd, err := cpuTime()
	if err != nil {
		return timed{}, err
	}
	var sum uint64
	for i := range results {
		sum += results[i].sum.Swap(0)
	}
	return timed{
		Ns:       wall.Nanoseconds(),
		CPUNs:    (cpuEnd - cpu).Nanoseconds(),
		Checksum: fmt.Sprintf("%016x", sum),
	}, nil
}

// measure runs the burst twice, like the Rust half.
func measure(n uint64) (cold, warm timed, err error) {
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

func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

func peakKiB() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			return strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, errors.New("no VmHWM in /proc/self/status")
}

func serve() error {
	// The launcher puts its children into groups of their own, where the
	// terminal's Ctrl-C does not reach them; this covers a launcher that is killed.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	// When memory runs out the kernel shall choose this process, not the
	// launcher with the results of the rounds before.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)

	var order request
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return err
	}
	if order.Protocol != protocol {
		return errors.New("the launcher speaks another protocol")
	}
	if os.Getppid() != order.Launcher {
		return errors.New("the launcher is gone")
	}
	if order.Workload != "flat" {
		return fmt.Errorf("unknown workload %q", order.Workload)
	}
	runtime.GOMAXPROCS(order.Workers)
	cold, warm, err := measure(order.Tasks)
	if err != nil {
		return err
	}
	answer := response{
		Protocol: protocol,
		Version:  strings.TrimPrefix(runtime.Version(), "go"),
		Cold:     cold,
		Warm:     warm,
	}
	if answer.PeakKiB, err = peakKiB(); err != nil {
		return err
	}
	switch order.Fault {
	case "hang":
		for {
			time.Sleep(time.Hour)
		}
	case "crash":
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return err
		}
	case "wrong":
		answer.Warm.Checksum = fmt.Sprintf("%016x", 0)
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
