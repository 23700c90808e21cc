package session

import (
	"errors"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/strict"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// maxFrame is above the largest login: a user token and two ids.
const maxFrame = 16 << 10

var (
	errFrame = errors.New("a frame must be one JSON object with a known type")
	errLogin = errors.New("login: token, pushID and deviceSecret must be set, after must not be negative")
	// errDescribed bounds what a device says of itself.
	errDescribed = errors.New("login: platform and deviceName must be at most 64 bytes of text each")
	errAckSeq    = errors.New("ack: seq must be at least 1")
)

// decode reads a frame of a device. Unknown fields are ignored, so that newer
// clients can talk to older dispatchers. Errors never quote the frame.
func decode(b []byte) (wire.ClientFrame, error) {
	var f wire.ClientFrame
	if strict.Unmarshal(b, &f) != nil {
		return wire.ClientFrame{}, errFrame
	}
	switch f.Type {
	case wire.FrameLogin:
		if err := checkLogin(f); err != nil {
			return wire.ClientFrame{}, err
		}
	case wire.FrameAck:
		if f.Seq < 1 {
			return wire.ClientFrame{}, errAckSeq
		}
	case wire.FramePing, wire.FrameLogout:
	default:
		return wire.ClientFrame{}, errFrame
	}
	return f, nil
}

func checkLogin(f wire.ClientFrame) error {
	if f.Token == "" || f.PushID == "" || f.DeviceSecret == "" || (f.After != nil && *f.After < 0) {
		return errLogin
	}
	if message.CheckText("platform", f.Platform, message.MaxID) != nil || message.CheckText("deviceName", f.DeviceName, message.MaxID) != nil {
		return errDescribed
	}
	return nil
}
