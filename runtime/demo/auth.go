package demo

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The credentials that the parameter auth asks for. They are no secrets: the front page shows them.
const (
	User         = "demo"
	Password     = "s3cret & more"
	BearerToken  = "demo-bearer-token"
	APIKey       = "demo-api-key"
	ClientID     = "demo-client"
	ClientSecret = "demo-client-secret"
	firstRefresh = "demo-refresh-token"
)

const groupAuth = "Authentication"

var authEndpoints = []endpoint{
	{Method: "POST", Path: "/oauth2/token", Group: groupAuth, Example: "-u " + ClientID + ":" + ClientSecret + " -d grant_type=client_credentials '/oauth2/token?expires_in=60&uses=50'",
		Doc: "OAuth2: grants client_credentials, password (" + User + "), refresh_token (" + firstRefresh + "; each use rotates it) and jwt-bearer (any assertion); client by basic auth or in the form. expires_in says how many seconds the token lives (1800), uses after how many requests it dies (never); status 201 as one vendor answers with created=1.", serve: (*call).oauth},
	{Method: "POST", Path: "/login", Group: groupAuth, Example: `-H 'Content-Type: application/json' -d '{"username":"` + User + `","password":"` + Password + `"}' /login`,
		Doc: "{\"session\":{\"token\",\"expires_in\"}} for the header X-Session; the same parameters", serve: (*call).login},
}

// grant is one access token.
type grant struct {
	expires time.Time
	uses    int // left, -1 for any number
}

// authorized checks what the parameter auth demands; it answers 401 itself.
func (c *call) authorized() bool {
	switch c.r.URL.Path {
	case "/oauth2/token", "/login":
		return true
	}
	kind := c.params.Get("auth")
	h := c.r.Header
	bearer, isBearer := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	ok, problem := false, ""
	switch kind {
	case "":
		return true
	case "bearer":
		ok = isBearer && bearer == BearerToken
		problem = "Authorization: Bearer " + BearerToken
	case "basic":
		user, password, given := c.r.BasicAuth()
		ok = given && user == User && password == Password
		problem = "basic authentication as " + User
	case "header":
		ok = h.Get("X-Api-Key") == APIKey
		problem = "the header X-Api-Key: " + APIKey
	case "query":
		ok = c.query.Get("api_key") == APIKey
		problem = "the parameter api_key=" + APIKey
	case "cookie":
		k, err := c.r.Cookie("api_key")
		ok = err == nil && k.Value == APIKey
		problem = "the cookie api_key=" + APIKey
	case "oauth2":
		ok = isBearer && c.api.use(bearer)
		problem = "a bearer token of /oauth2/token that is neither too old nor used up"
	case "login":
		ok = c.api.use(h.Get("X-Session"))
		problem = "the header X-Session with a token of /login"
	default:
		c.problem(http.StatusBadRequest, fmt.Sprintf("auth: %q is none of bearer, basic, header, query, cookie, oauth2, login", kind))
		return false
	}
	if !ok {
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="invalid_token"`)
		c.problem(http.StatusUnauthorized, "access denied: this needs "+problem)
	}
	return ok
}

// use spends one use of an access token, or reports that it is no good.
func (a *API) use(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.access[token]
	if g == nil || !a.now().Before(g.expires) || g.uses == 0 {
		return false
	}
	if g.uses > 0 {
		g.uses--
	}
	return true
}

// grant issues an access token as the parameters expires_in and uses say.
func (c *call) grant() (token string, seconds int, ok bool) {
	seconds, uses := 1800, -1
	err := c.integer("expires_in", &seconds, 0, 1<<30)
	if err == nil {
		err = c.integer("uses", &uses, 1, 1<<30)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return "", 0, false
	}
	token = "access-" + rand.Text()
	a := c.api
	a.mu.Lock()
	makeRoom(a.access, maxKept)
	a.access[token] = &grant{expires: a.now().Add(time.Duration(seconds) * time.Second), uses: uses}
	a.mu.Unlock()
	c.world.log.add(&c.world.log.s.AccessTokens, 1)
	return token, seconds, true
}

func (c *call) oauth() {
	if !c.gate(c.number, false) {
		return
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 1<<20)
	if err := c.r.ParseForm(); err != nil {
		c.oauthFail(http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	f := c.r.PostForm
	id, secret, basic := c.r.BasicAuth()
	if basic { // RFC 6749 2.3.1: both are form-encoded before base64
		id, secret = unescape(id), unescape(secret)
	} else {
		id, secret = f.Get("client_id"), f.Get("client_secret")
	}
	kind := f.Get("grant_type")
	if kind != "urn:ietf:params:oauth:grant-type:jwt-bearer" && (id != ClientID || secret != ClientSecret) {
		c.oauthFail(http.StatusUnauthorized, "invalid_client", "client authentication failed")
		return
	}
	var rotated any = absent{}
	switch kind {
	case "client_credentials":
	case "password":
		if f.Get("username") != User || f.Get("password") != Password {
			c.oauthFail(http.StatusBadRequest, "invalid_grant", "wrong username or password")
			return
		}
	case "refresh_token":
		next := "refresh-" + rand.Text()
		w := c.world
		w.mu.Lock()
		good := w.refresh[f.Get("refresh_token")]
		if good {
			delete(w.refresh, f.Get("refresh_token"))
			makeRoom(w.refresh, 1000)
			w.refresh[next] = true
		}
		w.mu.Unlock()
		if !good {
			c.oauthFail(http.StatusBadRequest, "invalid_grant", "the refresh token was used before")
			return
		}
		rotated = next
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if strings.Count(f.Get("assertion"), ".") != 2 {
			c.oauthFail(http.StatusBadRequest, "invalid_grant", "assertion is not a JWT")
			return
		}
	default:
		c.oauthFail(http.StatusBadRequest, "unsupported_grant_type", kind)
		return
	}
	token, seconds, ok := c.grant()
	if !ok {
		return
	}
	status := http.StatusOK
	if c.param("created") != "" {
		status = http.StatusCreated
	}
	c.w.Header().Set("Cache-Control", "no-store")
	c.reply(status, object{{"access_token", token}, {"token_type", "Bearer"}, {"expires_in", seconds}, {"refresh_token", rotated}})
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

func (c *call) oauthFail(status int, code, text string) {
	c.reply(status, object{{"error", code}, {"error_description", text}})
}

func (c *call) login() {
	if !c.gate(c.number, false) {
		return
	}
	if text(c.body["username"]) != User || text(c.body["password"]) != Password {
		c.problem(http.StatusForbidden, "wrong username or password")
		return
	}
	if token, seconds, ok := c.grant(); ok {
		c.reply(http.StatusOK, object{{"session", object{{"token", token}, {"expires_in", seconds}}}})
	}
}

// quota counts requests in the current stretch of time.
type quota struct {
	from time.Time
	used int
}

// withinQuota enforces quota=10 requests per quota_per=1s and tells the state in X-RateLimit-*
// headers, the reset in quota_unit=epoch|seconds|milliseconds|http_date|rfc3339.
func (c *call) withinQuota() bool {
	most := 0
	if err := c.integer("quota", &most, 1, 1<<30); err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return false
	}
	if most == 0 {
		return true
	}
	per, err := c.duration("quota_per")
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return false
	}
	if per <= 0 {
		per = time.Second
	}
	w := c.world
	w.mu.Lock()
	now := w.api.now()
	if now.Sub(w.quota.from) >= per {
		w.quota = quota{from: now}
	}
	w.quota.used++
	left, reset := most-w.quota.used, w.quota.from.Add(per)
	w.mu.Unlock()
	h := c.w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(most))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(left, 0)))
	h.Set("X-RateLimit-Reset", resetText(c.param("quota_unit"), now, reset))
	if left >= 0 {
		return true
	}
	if c.param("quota_unit") == "" {
		h.Set("Retry-After", resetText("seconds", now, reset))
	}
	c.problem(http.StatusTooManyRequests, "too many requests")
	return false
}

func resetText(unit string, now, reset time.Time) string {
	wait := reset.Sub(now)
	switch unit {
	case "seconds":
		return strconv.FormatFloat(wait.Seconds(), 'f', 3, 64)
	case "milliseconds":
		return strconv.FormatInt(wait.Milliseconds()+1, 10)
	case "http_date":
		return reset.Add(time.Second).UTC().Format(http.TimeFormat)
	case "rfc3339":
		return reset.UTC().Format(time.RFC3339Nano)
	}
	return strconv.FormatInt(reset.Add(999*time.Millisecond).Unix(), 10)
}
