// Package simphone puts the SDK on phones of the simulator, for tests, demos
// and load: it plays the vendors' clients that give tokens and hand over pushes.
package simphone

import (
	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// Raw is what the vendor's client on the phone hands to the app.
func Raw(c phone.Content) payload.Raw {
	return payload.Raw{Title: c.Title, Content: c.Content, Values: c.Data, Text: c.MessageContent}
}
