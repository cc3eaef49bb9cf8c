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
	"strings"
	"syscall"
	"time"
)

const protocol = 4

// firstKiB is the memory of the process before it did anything.
var firstKiB uint64

type request struct {
	Protocol uint32 `json:"protocol"`
	Workload string `json:"workload"`
	Size     uint64 `json:"size"`
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

func serve() error {
	// The launcher puts its children into groups of their own, where the
	// terminal's Ctrl-C does not reach them; this covers a launcher that is killed.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	// When memory runs out the kernel shall choose this process, not the
	// launcher with the results of the rounds before.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)

	var err error
	if firstKiB, err = residentKiB(); err != nil {
		return err
	}
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
	burst, found := workloads[order.Workload]
	if !found {
		return fmt.Errorf("unknown workload %q", order.Workload)
	}
	runtime.GOMAXPROCS(order.Workers)
	cold, warm, err := measure(burst, order.Size)
	if err != nil {
		return err
	}
	answer := response{
		Protocol: protocol,
		Version:  strings.TrimPrefix(runtime.Version(), "go"),
		Cold:     cold,
		Warm:     warm,
	}
	if answer.PeakKiB, err = statusKiB("VmHWM"); err != nil {
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
