package pushapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	reportTimeout = 3 * time.Second
	// A report has a row for each of at most 64 channels.
	maxReport = 1 << 20
)

// ReportReader reads the report of the dispatcher at an address.
type ReportReader interface {
	Read(ctx context.Context, podIP string, key config.Secret) (report.Report, error)
}

// HTTPReports reads reports over HTTP from the pods' admin port.
type HTTPReports struct {
	// Transport makes the calls.
	Transport http.RoundTripper
}

// Read implements ReportReader. Its errors hold no address, so that they are the same for every pod.
func (h HTTPReports) Read(ctx context.Context, podIP string, key config.Secret) (report.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(podIP, strconv.Itoa(int(render.AdminPort))) + report.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return report.Report{}, fmt.Errorf("the pod has no proper address %q", podIP)
	}
	request.Header.Set("Authorization", "Bearer "+key.Reveal())
	response, err := h.Transport.RoundTrip(request)
	if err != nil {
		return report.Report{}, withoutAddress(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return report.Report{}, fmt.Errorf("the dispatcher answered HTTP %d", response.StatusCode)
	}
	var out report.Report
	if err := json.NewDecoder(io.LimitReader(response.Body, maxReport)).Decode(&out); err != nil {
		return report.Report{}, errors.New("the dispatcher answered with something other than a report")
	}
	return out, nil
}

func withoutAddress(err error) error {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return errors.New("no answer in time")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return errors.New("the connection broke")
}

// idleReports outlives the time between two reports.
const idleReports = 4 * ReportPeriod

// NewHTTPReports makes a reader that reaches pods directly: no proxy knows their addresses.
func NewHTTPReports() HTTPReports {
	return HTTPReports{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: reportTimeout}).DialContext,
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     idleReports,
	}}
}
