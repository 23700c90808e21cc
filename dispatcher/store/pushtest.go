package store

import (
	"context"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// PushTests keeps the tests of the push to a few devices: what they are to push
// is noted first, so that whoever goes on with one accepts the same message.
type PushTests interface {
	// StartPushTest notes a test, unless its UID was used before: then it gives the noted one, or
	// ErrConflict when that has another hash. Where one of the devices had a test within the pause
	// it notes nothing, with a *TooSoonError.
	StartPushTest(ctx context.Context, t PushTest, pause time.Duration) (PushTest, error)
	// PushTest finds a test with what was answered, with ErrNotFound.
	PushTest(ctx context.Context, uid string) (PushTest, error)
	// NotePushTestAnswer keeps what the vendor answered last to a test's push to a device.
	NotePushTestAnswer(ctx context.Context, messageID string, device int64, a PushTestAnswer) error
}

// PushTest is a test of the push to a few devices.
type PushTest struct {
	UID string
	// Hash is of what was asked for.
	Hash [32]byte
	// Message is what is pushed. It has no Body and no Sender.
	Message message.Message
	Devices []TestedDevice
	// LeftOut counts the devices that were too many.
	LeftOut int
}

// TestedDevice is a device of a test as it was when the test started.
type TestedDevice struct {
	Device, Epoch  int64
	PushID, Vendor string
	// Channel is the row that serves the device; empty when there is none.
	Channel string
	// Refused says why nothing is pushed; one of message's reasons, or empty.
	Refused string
	// Answer is nil until a vendor answered.
	Answer *PushTestAnswer
}

// PushTestAnswer is what a vendor answered to one try.
type PushTestAnswer struct {
	Class        message.Class
	Code, Detail string
	// Body is the answer as it came, without secrets.
	Body string
	Took time.Duration
	At   time.Time
}

// TooSoonError says that a device had another test a moment ago.
type TooSoonError struct{ Wait time.Duration }

// Error implements error.
func (e *TooSoonError) Error() string {
	return fmt.Sprintf("a device had a test a moment ago; try again in %s", e.Wait)
}
