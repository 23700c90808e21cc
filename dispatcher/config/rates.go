package config

import (
	"cmp"
	"errors"
	"math"
)

// Rates are how much one dispatcher takes, in requests per second; 0 means the default.
// Everything may come in bursts of as many as five seconds have.
type Rates struct {
	// Of the app's own servers.
	Messages      float64 `json:"messages,omitempty"`
	GroupMessages float64 `json:"groupMessages,omitempty"`
	Calls         float64 `json:"calls,omitempty"`
	Broadcasts    float64 `json:"broadcasts,omitempty"`
	Queries       float64 `json:"queries,omitempty"`
	Changes       float64 `json:"changes,omitempty"`
	Bulk          float64 `json:"bulk,omitempty"`
	// Of phones: registrations of all, and of one source address.
	Registrations          float64 `json:"registrations,omitempty"`
	RegistrationsPerSource float64 `json:"registrationsPerSource,omitempty"`
	// LoginsPerSource are sessions, RequestsPerSource everything else of one source address.
	LoginsPerSource   float64 `json:"loginsPerSource,omitempty"`
	RequestsPerSource float64 `json:"requestsPerSource,omitempty"`
	// RequestsPerDevice are those of one device, and bindings to one user.
	RequestsPerDevice float64 `json:"requestsPerDevice,omitempty"`
}

// DefaultRates are generous: they stop faults and attacks, not apps.
func DefaultRates() Rates {
	return Rates{
		Messages: 5000, GroupMessages: 500, Calls: 500, Broadcasts: 1, Queries: 2000, Changes: 1000, Bulk: 20,
		Registrations: 500, RegistrationsPerSource: 20, LoginsPerSource: 1000, RequestsPerSource: 1000, RequestsPerDevice: 5,
	}
}

// OrDefault is the rates with the defaults of what is not set.
func (r Rates) OrDefault() Rates {
	d := DefaultRates()
	return Rates{
		Messages: cmp.Or(r.Messages, d.Messages), GroupMessages: cmp.Or(r.GroupMessages, d.GroupMessages),
		Calls: cmp.Or(r.Calls, d.Calls), Broadcasts: cmp.Or(r.Broadcasts, d.Broadcasts),
		Queries: cmp.Or(r.Queries, d.Queries), Changes: cmp.Or(r.Changes, d.Changes), Bulk: cmp.Or(r.Bulk, d.Bulk),
		Registrations:          cmp.Or(r.Registrations, d.Registrations),
		RegistrationsPerSource: cmp.Or(r.RegistrationsPerSource, d.RegistrationsPerSource),
		LoginsPerSource:        cmp.Or(r.LoginsPerSource, d.LoginsPerSource),
		RequestsPerSource:      cmp.Or(r.RequestsPerSource, d.RequestsPerSource),
		RequestsPerDevice:      cmp.Or(r.RequestsPerDevice, d.RequestsPerDevice),
	}
}

func (r Rates) validate() error {
	for _, rate := range []float64{
		r.Messages, r.GroupMessages, r.Calls, r.Broadcasts, r.Queries, r.Changes, r.Bulk,
		r.Registrations, r.RegistrationsPerSource, r.LoginsPerSource, r.RequestsPerSource, r.RequestsPerDevice,
	} {
		if rate < 0 || math.IsNaN(rate) || rate > 1e6 {
			return errors.New("rates: every rate must be more than 0 and at most 1000000 per second, or left out")
		}
	}
	return nil
}
