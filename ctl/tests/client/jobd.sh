#!/bin/sh
# Plays jobd for the tests of jobctl: does what the test says.
eval "$PLAYED_JOBD"
