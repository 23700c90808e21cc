package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// PushTest is a push test in the columns of both stores.
type PushTest struct {
	UID     string
	Hash    []byte
	Message uuid.UUID
	// StartedAt is the time of its message in Unix milliseconds.
	StartedAt int64
	// Plan is the rest in JSON.
	Plan string
}

type testPlan struct {
	Push      *message.PushConfig `json:"push"`
	ExpiresAt int64               `json:"expiresAt"`
	Devices   []testDevice        `json:"devices"`
	LeftOut   int                 `json:"leftOut,omitempty"`
}

type testDevice struct {
	Device  int64  `json:"device"`
	Epoch   int64  `json:"epoch"`
	PushID  string `json:"pushID"`
	Vendor  string `json:"vendor"`
	Channel string `json:"channel,omitempty"`
	Refused string `json:"refused,omitempty"`
}

// NewPushTest checks beforehand what would make a commit fail.
func NewPushTest(t store.PushTest) (PushTest, error) {
	id, err := uuid.Parse(t.Message.ID)
	if err != nil {
		return PushTest{}, fmt.Errorf("message id %q: must be a UUIDv7: %w", t.Message.ID, err)
	}
	plan := testPlan{Push: t.Message.Push, ExpiresAt: t.Message.PushExpiresAt.UnixMilli(), LeftOut: t.LeftOut}
	for _, d := range t.Devices {
		plan.Devices = append(plan.Devices, testDevice{d.Device, d.Epoch, d.PushID, d.Vendor, d.Channel, d.Refused})
	}
	b, err := json.Marshal(plan)
	if err != nil {
		return PushTest{}, fmt.Errorf("push test %s: %w", t.UID, err)
	}
	return PushTest{UID: t.UID, Hash: t.Hash[:], Message: id, StartedAt: t.Message.CreatedAt.UnixMilli(), Plan: string(b)}, nil
}

// Result is the test, with the answers in JSON by device.
func (t PushTest) Result(answers map[int64]string) (store.PushTest, error) {
	var plan testPlan
	if err := json.Unmarshal([]byte(t.Plan), &plan); err != nil {
		return store.PushTest{}, fmt.Errorf("push test %s is damaged: %w", t.UID, err)
	}
	out := store.PushTest{UID: t.UID, LeftOut: plan.LeftOut, Message: message.Message{
		ID: t.Message.String(), Kind: message.KindPush, Push: plan.Push,
		CreatedAt: time.UnixMilli(t.StartedAt).UTC(), PushExpiresAt: time.UnixMilli(plan.ExpiresAt).UTC(),
	}}
	copy(out.Hash[:], t.Hash)
	for _, d := range plan.Devices {
		answer, err := testAnswer(answers[d.Device])
		if err != nil {
			return store.PushTest{}, fmt.Errorf("push test %s is damaged: %w", t.UID, err)
		}
		out.Devices = append(out.Devices, store.TestedDevice{
			Device: d.Device, Epoch: d.Epoch, PushID: d.PushID, Vendor: d.Vendor, Channel: d.Channel, Refused: d.Refused, Answer: answer,
		})
	}
	return out, nil
}

// Devices are the keys of a test's devices, in order.
func Devices(t store.PushTest) []int64 {
	keys := make([]int64, len(t.Devices))
	for i, d := range t.Devices {
		keys[i] = d.Device
	}
	slices.Sort(keys)
	return keys
}

// TooSoon is the refusal of a test at a time when one of its devices had another at last; both in Unix
// milliseconds, last is 0 when there was none.
func TooSoon(now, last int64, pause time.Duration) error {
	if wait := time.UnixMilli(last).Add(pause).Sub(time.UnixMilli(now)); wait > 0 {
		return &store.TooSoonError{Wait: wait}
	}
	return nil
}

type testedAnswer struct {
	Class  message.Class `json:"class"`
	Code   string        `json:"code,omitempty"`
	Detail string        `json:"detail,omitempty"`
	Body   string        `json:"body,omitempty"`
	TookUs int64         `json:"tookMicroseconds"`
	AtMs   int64         `json:"at"`
}

// TestAnswer is an answer in JSON, which every store takes as text.
func TestAnswer(a store.PushTestAnswer) (string, error) {
	clean := func(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }
	b, err := json.Marshal(testedAnswer{a.Class, clean(a.Code), clean(a.Detail), clean(a.Body), a.Took.Microseconds(), a.At.UnixMilli()})
	return string(b), err
}

func testAnswer(text string) (*store.PushTestAnswer, error) {
	if text == "" {
		return nil, nil
	}
	var a testedAnswer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, err
	}
	return &store.PushTestAnswer{
		Class: a.Class, Code: a.Code, Detail: a.Detail, Body: a.Body,
		Took: time.Duration(a.TookUs) * time.Microsecond, At: time.UnixMilli(a.AtMs).UTC(),
	}, nil
}
