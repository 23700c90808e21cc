package binding_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The answer comes after nothing is open for the user any more; until then the device stays, for others to wait too.
func TestEraseWaitsForOpenCalls(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, d := bed.Phone(t, "FCM", "bob")
	before := len(bed.Fence.Asked())
	release := bed.Fence.Hold()
	done := make(chan error, 1)
	go func() {
		_, err := bed.Bindings.Erase(t.Context(), "bob")
		done <- err
	}()
	for deadline := time.Now().Add(time.Minute); len(bed.Fence.Asked()) == before; {
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for the open call")
		}
		select {
		case err := <-done:
			t.Fatalf("answered while a call was open: %v", err)
		default:
		}
	}
	if found, err := bed.Bindings.Find(t.Context(), c.PushID); err != nil || found.UserID != "" || found.Epoch <= d.Epoch {
		t.Errorf("the device meanwhile: %+v, %v", found, err)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := bed.Bindings.Find(t.Context(), c.PushID); err == nil {
		t.Error("the device is still there")
	}
	last := bed.Fence.Asked()[before]
	if last.Device != d.Key || last.Epoch != d.Epoch+1 || last.FormerUserID != "bob" {
		t.Errorf("waited for %+v", last)
	}
}

// Who dies in the middle leaves an erasure that the next process ends, behind the fence as well.
func TestResumeEndsWhatOthersBegan(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	const users = 130 // More than are resumed at once.
	for i := range users {
		user := fmt.Sprint("user ", i)
		bed.Phone(t, "FCM", user)
		if got := bed.Acceptor.Accept(t.Context(), []accept.Request{{ClientID: "c", From: user, To: []string{"ann"}, Body: "secret"}})[0]; got.Err != nil {
			t.Fatal(got.Err)
		}
		if _, err := bed.Store.Erase(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
	if err := bed.Bindings.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := bed.Store.Erasures(t.Context(), users); err != nil || len(left) != 0 {
		t.Errorf("left %d, %v", len(left), err)
	}
	if n := len(bed.Fence.Asked()); n != 2*users { // once each for the binding
		t.Errorf("waited for %d devices, want %d", n, users)
	}
	if devices, err := bed.Store.Export(t.Context(), 0, users); err != nil || len(devices) != 0 {
		t.Errorf("%d devices are left, %v", len(devices), err)
	}
	entries, _, err := bed.Store.Inbox(t.Context(), "ann", 0, users+1)
	if err != nil || len(entries) != users {
		t.Fatal(len(entries), err)
	}
	for _, e := range entries {
		if e.Message.Body != "" || e.Message.Sender != "" || !e.Message.Recalled {
			t.Fatalf("%+v", e)
		}
	}
}

// A store that fails in the middle is told, and the same request ends it.
func TestEraseTellsOfATroubledStore(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bob")
	failing := &failsOnce{Store: bed.Store}
	s := binding.New(binding.Deps{Store: failing, Fence: bed.Fence, Sessions: bed.Hub, Vendors: []string{"FCM"}})
	if done, err := s.Erase(t.Context(), "bob"); err == nil || done {
		t.Fatalf("%v %v, want the store's error", done, err)
	}
	if done, err := s.Erase(t.Context(), "bob"); err != nil || !done {
		t.Errorf("again: %v %v", done, err)
	}
	if _, err := s.Erase(t.Context(), ""); err == nil {
		t.Error("erased nobody")
	}
}

// failsOnce fails the first erasure of devices.
type failsOnce struct {
	binding.Store
	failed bool
}

func (f *failsOnce) EraseDevices(ctx context.Context, e store.Erasure) error {
	if !f.failed {
		f.failed = true
		return message.CheckID("store", "")
	}
	return f.Store.EraseDevices(ctx, e)
}
