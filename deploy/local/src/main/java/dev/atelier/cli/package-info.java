/** The command line: a class for each command, over the REST API. */
package dev.atelier.cli;
