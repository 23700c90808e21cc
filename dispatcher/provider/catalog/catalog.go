// Package catalog lists the vendors once. A new vendor is a constant, a line in
// Vendors and a case in New.
package catalog

import (
	"fmt"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/fcm"
	"github.com/offlinepush/operator/dispatcher/provider/xiaomi"
)

// Vendor is the name of a vendor in the API and in config.Channel.
type Vendor string

// The vendors.
const (
	FCM    Vendor = "FCM"
	Xiaomi Vendor = "Xiaomi"
)

// Vendors lists every vendor once, in the order of config.Channel's members.
func Vendors() []Vendor { return []Vendor{FCM, Xiaomi} }

// New makes the provider of a channel row.
func New(row config.Channel, deps provider.Deps) (provider.Provider, error) {
	switch Vendor(row.Vendor) {
	case FCM:
		return made(fcm.New(row, deps))
	case Xiaomi:
		return made(xiaomi.New(row, deps))
	}
	return nil, fmt.Errorf("channel %s: vendor: %q is not one of %v", row.Name, row.Vendor, Vendors())
}

// made keeps a nil pointer from becoming a provider.
func made[P provider.Provider](p P, err error) (provider.Provider, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
