/** What users leave with: files of models and reports, written where REST finds them. */
package dev.atelier.publication;
