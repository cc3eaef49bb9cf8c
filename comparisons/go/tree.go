package main

import "sync"

var treeRunning sync.WaitGroup

// treeArity is how many each goroutine starts; see workRounds.
var treeArity uint64 = 2

func treeTask(i, n uint64) {
	for child := treeArity*i + 1; child <= treeArity*i+treeArity && child < n; child++ {
		go treeTask(child, n)
	}
	work(i)
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

// chained: each goroutine starts the next one.
func chained(n uint64) (timed, error) {
	treeArity = 1
	return tree(n)
}
