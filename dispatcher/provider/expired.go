package provider

import (
	"fmt"
	"time"
)

// ExpiredError says that a credential has run out. It quotes no secret.
type ExpiredError struct {
	// Field is the key of the Secret, such as tls.crt.
	Field string
	At    time.Time
}

// Error implements error.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%s: ended on %s; renew it", e.Field, e.At.UTC().Format(time.DateOnly))
}
