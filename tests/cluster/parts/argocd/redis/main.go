// Redis as far as Argo CD needs it: a cache in memory that is gone when the process ends.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:6379", "where to listen")
	flag.Parse()
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(*listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	// Its clock, by which keys expire, stands still unless somebody turns it.
	clock := time.NewTicker(time.Second)
	for {
		select {
		case <-clock.C:
			server.FastForward(time.Second)
		case <-ended:
			server.Close()
			return
		}
	}
}
