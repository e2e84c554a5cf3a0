using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

class Server
{
    const int Port = 8080;

    static readonly byte[] Answer = Encoding.ASCII.GetBytes(
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\nhello from .NET\n");

    static int Main(string[] arguments)
    {
        if (arguments.Length > 0 && arguments[0] == "--check")
        {
            return Check();
        }

        var listener = new TcpListener(IPAddress.Any, Port);
        var stopping = false;
        // Without a handler .NET 9 and earlier end with 143 at once, and .NET 10 as the kernel has it. ASP.NET Core's
        // host has one of its own.
        using (PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            // The runtime does not end: Main does.
            signal.Cancel = true;
            Volatile.Write(ref stopping, true);
            listener.Stop();
        }))
        {
            // One more than there are requests, until the end.
            var requests = new CountdownEvent(1);
            listener.Start();
            while (true)
            {
                TcpClient client;
                try
                {
                    client = listener.AcceptTcpClient();
                }
                catch (Exception) when (Volatile.Read(ref stopping))
                {
                    break;
                }
                requests.AddCount();
                new Thread(() =>
                {
                    Serve(client);
                    requests.Signal();
                }) { IsBackground = true }.Start();
            }
            // Finishes the requests that are under way.
            requests.Signal();
            requests.Wait(TimeSpan.FromSeconds(8));
        }
        return 0;
    }

    static void Serve(TcpClient client)
    {
        try
        {
            using (client)
            using (var stream = client.GetStream())
            {
                var reader = new StreamReader(stream);
                while (!string.IsNullOrEmpty(reader.ReadLine()))
                {
                }
                stream.Write(Answer, 0, Answer.Length);
            }
        }
        catch (IOException)
        {
            // The client is gone.
        }
    }

    /// The health check: whether the server answers.
    static int Check()
    {
        try
        {
            using (var client = new TcpClient("127.0.0.1", Port))
            using (var stream = client.GetStream())
            {
                var request = Encoding.ASCII.GetBytes("GET / HTTP/1.0\r\n\r\n");
                stream.Write(request, 0, request.Length);
                var line = new StreamReader(stream).ReadLine();
                return line != null && line.Contains(" 200 ") ? 0 : 1;
            }
        }
        catch (Exception error) when (error is SocketException || error is IOException)
        {
            return 1;
        }
    }
}
