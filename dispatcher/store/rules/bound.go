package rules

import "github.com/offlinepush/operator/dispatcher/store"

// crowdStep is how many entries an inbox grows before it is looked at again, so that hardly any accept pays for it.
const crowdStep = 1000

// Crowds reports whether an inbox that grew to the place has to be noted as too long.
func Crowds(seq int64) bool { return seq > store.MaxInbox && seq%crowdStep == 0 }
