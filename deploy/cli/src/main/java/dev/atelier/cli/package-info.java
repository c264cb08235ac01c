/**
 * The command line: a class for each command that speaks to the REST API and needs nothing else.
 */
package dev.atelier.cli;
