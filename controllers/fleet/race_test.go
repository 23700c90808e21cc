//go:build race

package fleet_test

// race says that the managers, like the test itself, are built with the race detector.
const race = true
