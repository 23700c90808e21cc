package message

import (
	"crypto/sha256"
	"encoding/hex"
)

// userHashBytes is how much of the hash a push carries.
const userHashBytes = 16

// UserHash lets the app on the phone tell whose push it received without
// telling the vendor: the first 16 bytes of SHA-256 of appID, NUL, userID in hex.
func UserHash(appID, userID string) string {
	sum := sha256.Sum256([]byte(appID + "\x00" + userID))
	return hex.EncodeToString(sum[:userHashBytes])
}
