//go:build !race

package process

// Race says that the programs, like the test itself, are built with the race detector.
const Race = false
