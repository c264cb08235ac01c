/** What became of the claims that a study makes: reports, REST and the CLI show the same. */
package dev.atelier.workflows.scorecard;
