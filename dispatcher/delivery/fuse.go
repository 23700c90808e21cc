package delivery

import "time"

// The fuse keeps a wrong credential or topic from unbinding everybody: many
// vendors answer "invalid token" to it for every good token.
const (
	fuseWindow   = time.Hour
	fuseAccepted = 7 * 24 * time.Hour
	fuseSmall    = 20 // below this many tokens all of them must be invalid
	fuseLeast    = 3  // fewer tokens prove nothing: phones do get wiped
)

// blown is the rule: above 20 percent invalid, or all of fewer than 20.
func blown(valid, invalid int64) bool {
	total := valid + invalid
	if total < fuseLeast {
		return false
	}
	if total < fuseSmall {
		return valid == 0
	}
	return invalid*5 > total
}
