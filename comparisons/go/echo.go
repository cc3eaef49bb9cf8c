package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
)

const (
	echoClients = 64
	echoBytes   = 64
)

// echoServe sends back what comes until the client has closed.
func echoServe(connection net.Conn, ended chan<- error) {
	defer connection.Close()
	buffer := make([]byte, 16*echoBytes)
	for {
		read, err := connection.Read(buffer)
		if errors.Is(err, io.EOF) {
			ended <- nil
			return
		}
		if err == nil {
			_, err = connection.Write(buffer[:read])
		}
		if err != nil {
			ended <- err
			return
		}
	}
}

func echoAsk(address string, client, n uint64, sum *uint64) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	message := make([]byte, echoBytes)
	number := message[echoBytes-8:]
	for turn := client; turn < n; turn += echoClients {
		binary.LittleEndian.PutUint64(number, mix(turn))
		if _, err := connection.Write(message); err != nil {
			return err
		}
		clear(message)
		if _, err := io.ReadFull(connection, message); err != nil {
			return err
		}
		*sum += binary.LittleEndian.Uint64(number)
	}
	return nil
}

// echo: clients and a server with a goroutine for each end of a connection.
func echo(n uint64) (timed, error) {
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return timed{}, err
	}
	defer listener.Close()
	address := listener.Addr().String()
	ended := make(chan error, 2*echoClients)
	var sums [echoClients]uint64
	for client := range uint64(echoClients) {
		go func() {
			var sum uint64
			err := echoAsk(address, client, n, &sum)
			sums[client] = sum
			ended <- err
		}()
		connection, err := listener.Accept()
		if err != nil {
			return timed{}, err
		}
		go echoServe(connection, ended)
	}
	for range 2 * echoClients {
		if err := <-ended; err != nil {
			return timed{}, err
		}
	}
	return watch.finish(func() uint64 {
		var sum uint64
		for _, of := range sums {
			sum += of
		}
		return sum
	})
}
