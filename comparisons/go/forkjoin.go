package main

import "sync"

// Each node starts a goroutine for each of its children, which leave their results in
// its own frame, and waits for them with a WaitGroup: a channel for each would cost more.

func skynetNode(first, count uint64) uint64 {
	if count == 1 {
		return first
	}
	var sums [10]uint64
	var running sync.WaitGroup
	running.Add(10)
	for child := range uint64(10) {
		go func() {
			sums[child] = skynetNode(first+child*count/10, count/10)
			running.Done()
		}()
	}
	running.Wait()
	var sum uint64
	for _, of := range sums {
		sum += of
	}
	return sum
}

func fibNode(n uint64) uint64 {
	if n < 2 {
		return n
	}
	var spawned uint64
	var running sync.WaitGroup
	running.Add(1)
	go func() {
		spawned = fibNode(n - 1)
		running.Done()
	}()
	inPlace := fibNode(n - 2)
	running.Wait()
	return spawned + inPlace
}

type board struct {
	queens     [12]uint8
	rows, size uint8
}

func (b board) isSafe(column uint8) bool {
	for row := uint8(0); row < b.rows; row++ {
		queen, distance := b.queens[row], b.rows-row
		if queen == column || queen+distance == column || column+distance == queen {
			return false
		}
	}
	return true
}

func queensNode(b board) uint64 {
	if b.rows == b.size {
		return 1
	}
	var sums [12]uint64
	var running sync.WaitGroup
	for column := uint8(0); column < b.size; column++ {
		if b.isSafe(column) {
			child := b
			child.queens[b.rows] = column
			child.rows++
			running.Add(1)
			go func() {
				sums[column] = queensNode(child)
				running.Done()
			}()
		}
	}
	running.Wait()
	var sum uint64
	for _, of := range sums {
		sum += of
	}
	return sum
}

// forkJoin is a burst of such a tree.
func forkJoin(root func(n uint64) uint64) func(uint64) (timed, error) {
	return func(n uint64) (timed, error) {
		watch, err := startStopwatch()
		if err != nil {
			return timed{}, err
		}
		sum := root(n)
		return watch.finish(func() uint64 { return sum })
	}
}

// The sizes are numbers of goroutines; the Rust half says why these.

func skynet(n uint64) uint64 { return skynetNode(0, (n+1)/10*9+1) }

func fib(n uint64) uint64 {
	if n == 1346268 {
		return fibNode(30)
	}
	return fibNode(20)
}

func queens(n uint64) uint64 {
	if n == 856188 {
		return queensNode(board{size: 12})
	}
	return queensNode(board{size: 8})
}
