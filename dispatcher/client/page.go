package client

import (
	"net/url"
	"strconv"
)

// pageLimit is how many entries of a list are asked for at once, as many as there may be.
const pageLimit = 200

// pageQuery asks for the page of a list behind the cursor; an empty cursor is the first page.
func pageQuery(cursor string) string {
	q := url.Values{"limit": {strconv.Itoa(pageLimit)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return "?" + q.Encode()
}
