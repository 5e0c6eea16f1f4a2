// Command hello is what examples/go-build.yaml compiles.
package main

import (
	"fmt"
	"os"

	"example.org/hello/greet"
)

func main() {
	host, err := os.Hostname()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(greet.From(host))
}
