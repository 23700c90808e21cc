package message_test

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/message"
)

// TestUserHash is what apps in other languages compute.
func TestUserHash(t *testing.T) {
	t.Parallel()
	const want = "cbc11ed044a2bea611a6c8d0ec8654a2" // printf 'chat\0bob' | sha256sum | cut -c1-32
	if got := message.UserHash("chat", "bob"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
