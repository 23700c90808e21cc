package accept

import (
	"context"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/message"
)

// leaveOut removes the receivers that break a rule and says why, by their index. It is an error if none remains.
func (r *Request) leaveOut() (map[int]error, error) {
	if r.Also.Expansion != nil {
		return nil, r.checkAudience()
	}
	field, what, ids := "to", "user ids", &r.To
	switch {
	case len(r.PushIDs) > 0:
		field, what, ids = "pushIDs", "push ids", &r.PushIDs
	case r.Kind == message.KindPush:
		field = "users"
	}
	if len(r.To) > 0 && len(r.PushIDs) > 0 {
		return nil, &message.FieldError{Field: field, Problem: "must be left out beside users"}
	}
	if n := len(*ids); n == 0 || n > message.MaxRecipients {
		return nil, &message.FieldError{Field: field, Problem: fmt.Sprintf("must hold 1 to %d %s, holds %d", message.MaxRecipients, what, n)}
	}
	good, problems := sorted(field, *ids)
	if len(good) == 0 {
		return nil, problems[0]
	}
	r.listed, *ids = *ids, good
	return problems, nil
}

// sorted tells the good ids from those that break a rule.
func sorted(field string, ids []string) (good []string, problems map[int]error) {
	seen, problems := make(map[string]bool, len(ids)), map[int]error{}
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch err := message.CheckID(at, id); {
		case err != nil:
			problems[i] = err
		case seen[id]:
			problems[i] = &message.FieldError{Field: at, Problem: "is there twice, name every receiver once"}
		default:
			good = append(good, id)
			seen[id] = true
		}
	}
	return good, problems
}

// named reads the devices of the requests that are for devices alone.
func (a *Acceptor) named(ctx context.Context, reqs []Request, good []int) (map[string]message.Device, error) {
	var pushIDs []string
	for _, i := range good {
		pushIDs = append(pushIDs, reqs[i].PushIDs...)
	}
	if len(pushIDs) == 0 {
		return map[string]message.Device{}, nil
	}
	devices, err := a.deps.Store.DevicesNamed(ctx, pushIDs)
	if err != nil {
		return nil, fmt.Errorf("reading the devices: %w", err)
	}
	return devices, nil
}

// found leaves out the push ids of no device, and gives the indexes of the requests that are for somebody still.
func (p plan) found(reqs []Request, good []int, results []Result) (left []int) {
	for _, i := range good {
		r := &reqs[i]
		if len(r.PushIDs) == 0 {
			left = append(left, i)
			continue
		}
		r.PushIDs = nil
		for at, id := range r.listed {
			_, known := p.named[id]
			switch {
			case results[i].Problems[at] != nil:
			case known:
				r.PushIDs = append(r.PushIDs, id)
			default:
				results[i].Problems[at] = noDevice(at)
			}
		}
		if len(r.PushIDs) == 0 {
			results[i].Err = results[i].Problems[0]
			continue
		}
		left = append(left, i)
	}
	return left
}

func noDevice(at int) error {
	return &message.FieldError{
		Field: fmt.Sprintf("pushIDs[%d]", at), Problem: "is of no device of the app; it may be unregistered, or of another app",
	}
}
