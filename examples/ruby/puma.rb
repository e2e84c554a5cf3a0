bind "tcp://0.0.0.0:8080"
threads 1, 4

# At TERM Puma finishes its requests, and then dies of the signal all the same: 143. Without the
# exception it ends with 0.
raise_exception_on_sigterm false
