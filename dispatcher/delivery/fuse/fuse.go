// Package fuse is the rule that keeps a wrong credential or topic from unbinding
// everybody: many vendors answer "invalid token" to it for every good token.
package fuse

import "time"

// The times that the rule looks at: what vendors said within Window about tokens
// that they had accepted within Accepted.
const (
	Window   = time.Hour
	Accepted = 7 * 24 * time.Hour
)

// Small is the number of tokens below which all of them must be invalid.
const Small = 20

// least is the number of tokens below which nothing is proved: phones do get wiped.
const least = 3

// Blown is the rule: above 20 percent invalid, or all of fewer than 20.
func Blown(valid, invalid int64) bool {
	total := valid + invalid
	if total < least {
		return false
	}
	if total < Small {
		return valid == 0
	}
	return invalid*5 > total
}
