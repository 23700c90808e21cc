package store

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Bulk moves devices and their bindings between stores.
type Bulk interface {
	// Export lists devices in order of their key, from behind the given key. Retired devices, which
	// have neither token nor binding, are left out.
	Export(ctx context.Context, after int64, limit int) ([]Record, error)
	// Import stores devices as they were elsewhere, each in one transaction, and answers in order. Of
	// two states of one device, or of two devices with one token, the one seen later stays: an import
	// can be repeated, and never undoes what a phone did since.
	Import(ctx context.Context, records []Record) []Imported
}

// Record is a device with all that moves.
type Record struct {
	// Device has no Epoch and no Session here: both begin anew. Its Key is the place in the export.
	Device message.Device
	Tokens map[message.TokenKind]string
	// SeenAt is when the phone last bound, registered or logged in.
	SeenAt time.Time
}

// ImportOutcome says what became of a Record.
type ImportOutcome string

// The outcomes of an import.
const (
	ImportCreated   ImportOutcome = "created"
	ImportUpdated   ImportOutcome = "updated"
	ImportUnchanged ImportOutcome = "unchanged"
	// ImportOutdated means that the store knows the device, or another device with its token, from later.
	ImportOutdated ImportOutcome = "outdated"
)

// Imported is the answer to one Record, see Changed.
type Imported struct {
	Outcome              ImportOutcome
	Changes, Unconfirmed []EpochChange
	Err                  error
}
