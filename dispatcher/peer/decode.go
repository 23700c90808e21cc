package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/strict"
)

// maxBody is above the largest request: ids of 64 bytes, of which JSON may write each as six.
const maxBody = 512 << 10

// request is what can be asked of a peer.
type request interface{ check() error }

// decode reads one request. An unknown field is refused, because it asks for
// something that would not be done; errors never quote the request.
func decode(r io.Reader, into request) error {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return errors.New("the body could not be read")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New("the body must be one JSON object of at most 512 KiB with known fields only")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || len(body) > maxBody {
		return errors.New("the body must end after one JSON object of at most 512 KiB")
	}
	if err := strict.Check(body); err != nil {
		return fmt.Errorf("the body %w", err)
	}
	return into.check()
}

func (r *fenceRequest) check() error {
	if err := errors.Join(count("changes", len(r.Changes), 1), message.CheckID("reason", r.Reason)); err != nil {
		return err
	}
	for i, c := range r.Changes {
		if err := errors.Join(atLeast(1, c.Device, "changes[%d].device", i), atLeast(0, c.Epoch, "changes[%d].epoch", i)); err != nil {
			return err
		}
	}
	return nil
}

func (r *hintsRequest) check() error {
	if err := count("hints", len(r.Hints), 0); err != nil { // None only asks whether anybody is there.
		return err
	}
	for i, h := range r.Hints {
		err := errors.Join(message.CheckID(fmt.Sprintf("hints[%d].userID", i), h.UserID), atLeast(1, h.UpTo, "hints[%d].upTo", i))
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *replacedRequest) check() error {
	if err := count("sessions", len(r.Sessions), 1); err != nil {
		return err
	}
	for i, s := range r.Sessions {
		if err := errors.Join(atLeast(1, s.Device, "sessions[%d].device", i), atLeast(1, s.Number, "sessions[%d].number", i)); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) check() error {
	if a.Incarnation < 0 {
		return &message.FieldError{Field: "incarnation", Problem: "must not be negative"}
	}
	return nil
}

func count(field string, n, low int) error {
	if n < low || n > maxItems {
		return &message.FieldError{Field: field, Problem: fmt.Sprintf("must hold %d to %d items, holds %d", low, maxItems, n)}
	}
	return nil
}

func atLeast(low, n int64, path string, i int) error {
	if n < low {
		return &message.FieldError{Field: fmt.Sprintf(path, i), Problem: fmt.Sprintf("must be at least %d", low)}
	}
	return nil
}
