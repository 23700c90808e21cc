package pushtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/router"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/tracing"
)

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return refuse(http.StatusUnprocessableEntity, report.RefusedInvalid, "%s", err)
}

// checkShape checks what needs no configuration.
func checkShape(req report.PushTest) error {
	field, id := "pushID", req.PushID
	if req.PushID == "" {
		field, id = "userID", req.UserID
	}
	if (req.PushID == "") == (req.UserID == "") {
		return invalid(&message.FieldError{Field: "pushID", Problem: "set either it or userID"})
	}
	return invalid(cmp.Or(message.CheckID("uid", req.UID), message.CheckID(field, id)))
}

func push(req report.PushTest) *message.PushConfig {
	return &message.PushConfig{Title: req.Title, Content: req.Content, Payload: req.Payload, ResourcesID: req.ResourcesID}
}

// checkPush checks what is pushed; the fields are those of the test.
func checkPush(p *message.PushConfig, doc *config.Document) error {
	field, isField := errors.AsType[*message.FieldError](accept.CheckPush(p, doc))
	if !isField {
		return nil
	}
	name, inside := strings.CutPrefix(field.Field, "push.")
	if !inside {
		name = "title"
	}
	err := &message.FieldError{Field: name, Problem: field.Problem}
	if name == "resourcesID" {
		return refuse(http.StatusUnprocessableEntity, report.RefusedProfile, "%s", err)
	}
	return invalid(err)
}

// hash is of everything but the UID and what was answered before.
func hash(req report.PushTest) [32]byte {
	req.UID, req.MessageID = "", ""
	b, _ := json.Marshal(req) // Plain texts always encode.
	return sha256.Sum256(b)
}

// plan decides what a new test pushes to whom, and by whom.
func (s *Service) plan(ctx context.Context, req report.PushTest) (store.PushTest, error) {
	doc, _ := s.deps.Live.Current()
	p := push(req)
	if err := checkPush(p, doc.Document); err != nil {
		return store.PushTest{}, err
	}
	devices, err := s.devices(ctx, req)
	if err != nil {
		return store.PushTest{}, err
	}
	most := min(len(devices), report.MaxPushTestDevices)
	now := s.deps.Store.Now().UTC().Truncate(time.Millisecond)
	t := store.PushTest{UID: req.UID, Hash: hash(req), LeftOut: len(devices) - most, Message: message.Message{
		ID: tracing.Mark(accept.MessageID(now)), Kind: message.KindPush, Push: p, CreatedAt: now, PushExpiresAt: now.Add(timeToLive),
	}}
	t.Devices, err = s.decide(ctx, doc.Document, p, devices[:most])
	return t, err
}

// devices are those that are asked for, in order of their push ids.
func (s *Service) devices(ctx context.Context, req report.PushTest) ([]message.Device, error) {
	if req.PushID != "" {
		d, err := s.deps.Store.Device(ctx, req.PushID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, refuse(http.StatusNotFound, report.RefusedUnknownPushID,
				"no device of the app has this pushID; it may be unregistered, or of another app")
		}
		return []message.Device{d}, err
	}
	found, err := s.deps.Store.DevicesOf(ctx, []string{req.UserID})
	if err == nil && len(found[req.UserID]) == 0 {
		return nil, refuse(http.StatusNotFound, report.RefusedNoDevices, "no device is bound to this user; log in on one first")
	}
	return found[req.UserID], err
}

// decide finds each device's channel row, or why there is no push.
func (s *Service) decide(
	ctx context.Context, doc *config.Document, p *message.PushConfig, devices []message.Device,
) ([]store.TestedDevice, error) {
	decisions := router.Decide(router.Input{
		Message:    message.Message{Kind: message.KindPush, Sender: message.PushTestSender, Push: p},
		Recipients: []router.Recipient{{Devices: devices}}, Channels: accept.Channels(doc.Channels),
	})
	rows := map[string]config.Channel{}
	for _, row := range doc.Channels {
		rows[row.Name] = row
	}
	out := make([]store.TestedDevice, len(devices))
	for i, d := range devices {
		out[i] = store.TestedDevice{
			Device: d.Key, Epoch: d.Epoch, PushID: d.PushID, Vendor: d.Selector.Vendor,
			Channel: decisions[i].Channel,
		}
		row, ok := rows[out[i].Channel]
		if !ok {
			out[i].Refused = decisions[i].Rule
			continue
		}
		if row.Suspended {
			out[i].Refused = message.ReasonSuspended
			continue
		}
		states, err := s.deps.Store.Fence(ctx, store.FenceQuery{Devices: []int64{d.Key}, Kind: delivery.TokenKind(doc, p.ResourcesID, row)})
		if err != nil {
			return nil, err
		}
		if !states.Devices[d.Key].TokenOK {
			out[i].Refused = message.ReasonNoToken
		}
	}
	return out, nil
}
