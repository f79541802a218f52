package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"unicode/utf8"
)

// excerptBytes is how much of a body an error shows.
const excerptBytes = 500

// failure is an attempt without a usable answer.
type failure struct {
	code    string
	message string
	hint    string
}

// failureOf says in one sentence why err happened. timedOut says that the attempt's own time was up.
func (x *call) failureOf(err error, host string, timedOut bool) failure {
	var (
		dns       *net.DNSError
		op        *net.OpError
		forbidden *privateError
		proxy     *proxyError
		netErr    net.Error
	)
	switch {
	case errors.As(err, &forbidden):
		return failure{CodePrivateAddress, fmt.Sprintf("%s resolves to %s and deny_private forbids it", host, forbidden.addr), ""}
	case timedOut:
		return failure{CodeTimeout, fmt.Sprintf("no whole answer from %s within %s", host, x.cfg.Timeout), "raise http.timeout, or ask for smaller pages"}
	case errors.As(err, &proxy):
		return failure{CodeProxy, proxy.Error(), "check http.proxy or the http_proxy variables"}
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return failure{CodeProxy, fmt.Sprintf("the proxy cannot be reached: %v", op.Err), "check http.proxy or the http_proxy variables"}
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return failure{CodeNetwork, fmt.Sprintf("the host %s cannot be found", dns.Name), "check base_url and the network's DNS"}
		}
		return failure{CodeNetwork, fmt.Sprintf("looking up the host %s does not work: %s", dns.Name, dns.Err), "check the network's DNS"}
	}
	if f, ok := tlsFailure(err, host); ok {
		return f
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return failure{CodeNetwork, host + " refuses the connection", "check base_url and its port, and that the server runs"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return failure{CodeNetwork, host + " broke the connection off", ""}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failure{CodeNetwork, host + " closed the connection without a whole answer", ""}
	case errors.As(err, &netErr) && netErr.Timeout():
		return failure{CodeTimeout, host + " does not answer in time", "check base_url and the network"}
	case tooManyHeaders(err):
		return failure{CodeHeaders, fmt.Sprintf("%s sent more than %d bytes of headers", host, MaxHeader), ""}
	}
	return failure{CodeNetwork, fmt.Sprintf("no answer from %s: %v", host, err), ""}
}

// tooManyHeaders knows net/http's error for Transport.MaxResponseHeaderBytes, which has no type.
func tooManyHeaders(err error) bool {
	s := err.Error()
	return strings.Contains(s, "response headers exceeded") || strings.Contains(s, "header list too large")
}

func tlsFailure(err error, host string) (failure, bool) {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
	)
	switch {
	case errors.As(err, &unknown):
		return failure{CodeTLS, "the certificate of " + host + " is signed by an unknown authority", "name the authority's file in http.tls.ca_file"}, true
	case errors.As(err, &hostname):
		return failure{CodeTLS, "the certificate of " + host + " is for another name", "check the host in base_url"}, true
	case errors.As(err, &invalid):
		return failure{CodeTLS, fmt.Sprintf("the certificate of %s is not valid: %v", host, invalid), "check the date of this machine and of the certificate"}, true
	case errors.As(err, &verify):
		return failure{CodeTLS, fmt.Sprintf("the certificate of %s cannot be verified: %v", host, verify.Err), "name the authority's file in http.tls.ca_file"}, true
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return failure{CodeTLS, host + " does not speak TLS on this port", "try http:// in base_url, or another port"}, true
	case errors.As(err, &alert):
		return failure{CodeTLS, fmt.Sprintf("%s ended the TLS handshake: %v", host, alert), "check http.tls: a client certificate may be required"}, true
	}
	return failure{}, false
}

// bodyFailure says why the body of an answer cannot be used.
func (x *call) bodyFailure(err error, host string, timedOut bool) failure {
	var be *bodyError
	switch {
	case timedOut:
		return x.failureOf(err, host, true)
	case errors.As(err, &be):
		return failure{CodeBody, be.msg, ""}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failure{CodeBody, "the body ends before its announced end", ""}
	}
	return failure{CodeBody, fmt.Sprintf("the body broke off: %v", err), ""}
}

// retried says whether the connector's `retry.on` names the failure.
func (x *call) retried(code string) bool {
	switch code {
	case CodeNetwork, CodeProxy:
		return x.cfg.Retry.Network
	case CodeTimeout:
		return x.cfg.Retry.Timeout
	case CodeBody:
		return x.cfg.Retry.Body
	}
	return false
}

// excerpt is the first bytes of a body as one line, secrets removed.
func (c *Client) excerpt(body []byte) string {
	s := c.redact.String(string(body[:min(len(body), 16*excerptBytes)]))
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))), " ")
	if len(s) <= excerptBytes {
		return s
	}
	cut := excerptBytes
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// statusMessage is the sentence for an answer that stands as an error.
func (c *Client) statusMessage(a *Answer) string {
	m := fmt.Sprintf("the API answered %d", a.Status)
	if t := http.StatusText(a.Status); t != "" {
		m += " " + t
	}
	if a.Message != "" {
		return m + ": " + a.Message
	}
	if e := c.excerpt(a.Body); e != "" {
		return m + ": " + e
	}
	return m
}

// statusHint is what to try after a status that is not retried.
func statusHint(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "check http.auth and the credentials it is given"
	case http.StatusForbidden:
		return "check what the credentials are permitted to read"
	case http.StatusProxyAuthRequired:
		return "the proxy wants a user and a password: give them in http.proxy or the http_proxy variables (http://user:password@host:port)"
	case http.StatusNotFound:
		return "check the path and base_url"
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return "the redirect was not followed: see http.follow_redirects"
	}
	return ""
}

// ended says whether err is only that ctx has ended.
func ended(ctx context.Context) bool { return ctx.Err() != nil }
