/** Where networks come from and go to: files and folders of users, and their check. */
package dev.atelier.network.files;
