/** The workflows, the contracts of their activities, and what goes between them. */
package dev.atelier.workflows;
