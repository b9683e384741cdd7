package grid

import (
	"strings"
	"time"
)

// Case is one telling request, or several that belong together.
type Case struct {
	// ID is short, unique, and never changes. Group is what it is about.
	ID, Group string
	// Title is the request in words, Why what it means for Lync in one line.
	Title, Why string
	// Expect says what a good proxy does; empty when there is no right or wrong. Fine are the verdicts that are so.
	Expect string
	Fine   []string
	// Plain sends it to the port without TLS.
	Plain bool
	// SNI is the name asked for in the TLS handshake. Empty means Host, noSNI none.
	SNI string
	// Alone keeps other requests of the column away while it runs: it is about who uses which connection.
	Alone bool
	// Malformed says that it is against the standard, so that to refuse it is right.
	Malformed bool
	// Steps follow each other.
	Steps []Step

	// judge, if set, goes before the comparison with the direct way. An empty verdict leaves it to that.
	judge func(direct, via *Observation) (verdict, says string)
}

// Step is something that a client sends on a connection, and what the web server answers.
type Step struct {
	// Client numbers connections: a step of a client that has one goes on with it.
	Client int
	// Send is the request. "{tag}" in it stands for what the web server knows it by.
	Send []Piece
	// Answer is the web server's.
	Answer Answer
	// Answers is how many final answers the client waits for; zero means one.
	Answers int
	// Leave makes the client go away so long after it has sent all, without waiting for an answer.
	Leave time.Duration
	// Wait is how long the client waits for an answer; zero means clientWait.
	Wait time.Duration
}

// Piece is a part of a message.
type Piece struct {
	// Pause comes before it.
	Pause time.Duration
	// Await holds it back until the client has got this text or a final answer, for awaitWait at the most.
	Await string
	// Text is what is written; the zero Piece writes nothing.
	Text string
}

// Answer is what the web server does with a request.
type Answer struct {
	// Pieces are written as they are; none means a short 200. "{date}" stands for the time.
	Pieces []Piece
	// Hold is silence before them, in which the web server watches for the end of the connection.
	Hold time.Duration
	// Early answers before the body is read, and closes the connection after the body, or drainWait.
	Early bool
	// Close ends the connection behind the pieces.
	Close bool
	// Authenticates asks for a log-on of the connection in three legs, as NTLM does, before it answers with the user's name.
	Authenticates bool
}

const (
	// Host is what most requests are for. It is published.
	Host = "lyncweb-ext.contoso.example"
	// noSNI asks for no name in the TLS handshake.
	noSNI = "-"
	// habitCase shows what a proxy does to every request.
	habitCase = "get"

	clientWait = 6 * time.Second // longer than any answer here is held
	awaitWait  = 1 * time.Second // clients send the body without a "100 Continue" after about so long
)

// tagged is what the backend finds a request's case by.
func tagged(text, id string, step int) string {
	return strings.ReplaceAll(text, "{tag}", "grid-"+id+"."+string(rune('0'+step)))
}

// request is a head without the empty line behind it, with the fields that all requests have.
func request(method, target string, fields ...string) string {
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: " + Host, "X-Grid: {tag}"}, fields...)
	return strings.Join(lines, "\r\n") + "\r\n"
}

// get is a whole request without a body.
func get(target string, fields ...string) string { return request("GET", target, fields...) + "\r\n" }

// post is a whole request with a body.
func post(body string, fields ...string) string {
	return request("POST", "/ucwa/v1/applications", fields...) + "\r\n" + body
}

// send are pieces without pauses.
func send(texts ...string) []Piece {
	out := make([]Piece, len(texts))
	for i, t := range texts {
		out[i].Text = t
	}
	return out
}

// once is a case's only step.
func once(text string) []Step { return []Step{{Send: send(text)}} }

// answered is once with an answer.
func answered(text string, a Answer) []Step { return []Step{{Send: send(text), Answer: a}} }

// answer is a whole answer with a body of known length.
func answer(status, body string, fields ...string) []Piece {
	lines := append([]string{"HTTP/1.1 " + status, "Content-Type: text/plain", "Content-Length: " + itoa(len(body))}, serverFields...)
	return send(strings.Join(append(lines, fields...), "\r\n") + "\r\n\r\n" + body)
}

// head is the head of an answer, with the empty line.
func head(status string, fields ...string) string {
	return strings.Join(append(append([]string{"HTTP/1.1 " + status}, serverFields...), fields...), "\r\n") + "\r\n\r\n"
}

// serverFields are those of every answer of a Front End.
var serverFields = []string{"Server: Microsoft-IIS/8.5", "X-MS-Server-Fqdn: fe1.contoso.example", "Date: {date}"}
