package provider

import (
	"encoding/json"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Code is a row of a vendor's table of errors. docs/vendors shows the same table.
type Code struct {
	// Code is the vendor's own, as in message.Outcome.
	Code string
	// HTTP is the status that it comes with, 0 where that does not matter.
	HTTP  int
	Class message.Class
	// PhoneOnly and ClassOnly are as in message.Outcome.
	PhoneOnly, ClassOnly bool
	// Why says what it means and what cures it.
	Why string
}

// Judge makes the row's verdict the outcome's.
func (c Code) Judge(o *message.Outcome) {
	o.Class, o.PhoneOnly, o.ClassOnly = c.Class, c.PhoneOnly, c.ClassOnly
}

// CodesOf are rows of one class, each a code with its Why.
func CodesOf(class message.Class, codes [][2]string) []Code {
	rows := make([]Code, len(codes))
	for i, c := range codes {
		rows[i] = Code{Code: c[0], Class: class, Why: c[1]}
	}
	return rows
}

// ClassQuotas are rows of used up quotas of one class of messages.
func ClassQuotas(codes [][2]string) []Code {
	rows := CodesOf(message.QuotaExhausted, codes)
	for i := range rows {
		rows[i].ClassOnly = true
	}
	return rows
}

// CodeIndex finds the row of a code.
type CodeIndex map[string]Code

// IndexCodes makes the index of a table.
func IndexCodes(table []Code) CodeIndex {
	index := make(CodeIndex, len(table))
	for _, c := range table {
		index[c.Code] = c
	}
	return index
}

// Number is a number that some answers write as text, in the vendor's spelling. Empty means that there was none.
type Number string

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(b []byte) error {
	var number json.Number // also reads a number in quotes
	if err := json.Unmarshal(b, &number); err != nil {
		return err
	}
	*n = Number(number)
	return nil
}
