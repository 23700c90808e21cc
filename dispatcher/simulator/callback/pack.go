package callback

// Receipt is what a vendor tells of a message that has an id.
type Receipt[R any] struct {
	URL, MessageID string
	Content        R
}

// Parcel is one request of a vendor that names each message once in it.
type Parcel[R any] struct {
	URL      string
	Contents map[string]R
}

// Pack makes parcels. add joins a receipt to an earlier one of its message, or reports that they say different things;
// then it goes into another request.
func Pack[R any](due []Receipt[R], add func(old *R, more R) bool) (parcels []Parcel[R]) {
	for _, r := range due {
		if !fits(parcels, r, add) {
			parcels = append(parcels, Parcel[R]{r.URL, map[string]R{r.MessageID: r.Content}})
		}
	}
	return parcels
}

func fits[R any](parcels []Parcel[R], r Receipt[R], add func(old *R, more R) bool) bool {
	for _, p := range parcels {
		if p.URL != r.URL {
			continue
		}
		content, known := p.Contents[r.MessageID]
		if !known {
			content = r.Content
		} else if !add(&content, r.Content) {
			continue
		}
		p.Contents[r.MessageID] = content
		return true
	}
	return false
}
