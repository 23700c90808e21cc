package wire

// More is part of every answer that is one page of a list.
type More struct {
	NextCursor string `json:"nextCursor,omitempty" doc:"Give it as cursor to read on; absent on the last page."`
}
