package process

import (
	"errors"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Told checks that a message to one device was handed to the vendor if, and only if, the phone showed it. Where a
// dispatcher was killed, the phone may show what the vendor took and nobody could note: its successor, who has to ask the
// fence again, may have cancelled it.
func Told(t wire.Trace, shown, killed bool) error {
	if len(t.Devices) != 1 {
		return fmt.Errorf("%d devices are in its story: %+v", len(t.Devices), t.Devices)
	}
	switch d := t.Devices[0]; d.State {
	case "Handed":
		if shown {
			return nil
		}
		return errors.New("it was handed over and not shown")
	case "Cancelled", "Suppressed":
		if !shown || killed && d.State == "Cancelled" {
			return nil
		}
		return fmt.Errorf("it was shown and is %s because of %s", d.State, d.Reason)
	default:
		return fmt.Errorf("it is %s because of %s %s", d.State, d.Reason, d.Detail)
	}
}
