/** Workers: which there are, what each serves and what it is at. */
package dev.atelier.api.worker;
