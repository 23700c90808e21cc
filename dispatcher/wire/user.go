package wire

// Erased is the answer to the erasure of a user.
type Erased struct {
	UserID string `json:"userID" doc:"The user who was erased."`
	Done   bool   `json:"done" doc:"Whether everything of the user is gone; else it goes on by itself."`
}
