package store

import (
	"context"
	"time"
)

// Leases keeps which processes live. A lease lives until it runs out by the
// store's time, is released, or is taken over; nothing revives it.
type Leases interface {
	// AcquireLease makes this process an incarnation that may own deliveries, and adopts the rows
	// of every incarnation whose lease does not live any more.
	AcquireLease(ctx context.Context, by Holder, ttl time.Duration) (Lease, error)
	// RenewLease extends the lease, with ErrLeaseLost when it lives no more, and adopts like AcquireLease.
	RenewLease(ctx context.Context, ttl time.Duration) (Lease, error)
	// DrainSessions notes that this process ends its sessions because it stops: from now on they are
	// nobody's, and their devices have DrainGrace to connect again and acknowledge. Time in which no
	// process could take them does not count, up to a bound. A process without a lease has none.
	DrainSessions(ctx context.Context) error
	// ReleaseLease ends the lease at once; its rows are free to adopt.
	ReleaseLease(ctx context.Context) error
	// Peers lists the other processes whose lease lives.
	Peers(ctx context.Context) ([]Peer, error)
}

// Holder is who acquires a lease.
type Holder struct {
	// Pod is its name in logs and reports.
	Pod string
	// Addr is the host:port where its peers reach it; empty when it has none.
	Addr string
}

// Lease is the right of one process incarnation to own deliveries.
type Lease struct {
	Incarnation int64
	// Adopted counts the deliveries taken over from dead incarnations, up to a thousand or so.
	Adopted int64
	// Living counts the incarnations whose lease lives, this one included. Of two that are acquired at
	// the same time neither may see the other until it is renewed.
	Living int64
}

// Peer is another live process of the app.
type Peer struct {
	Incarnation int64
	Holder
}
