package provider

// MismatchError says that an identifier of a channel contradicts its credential. It quotes no secret.
type MismatchError struct {
	// Field is the identifier's path in the channel, such as fcm.projectID.
	Field string
	// Problem says what contradicts it.
	Problem string
}

// Error implements error.
func (e *MismatchError) Error() string { return e.Field + ": " + e.Problem }
